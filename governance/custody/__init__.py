"""Key acts as a whole: plan, blast radius, hold check, approval, job."""
