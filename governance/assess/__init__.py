"""Risk assessment: the leak scanner and drills."""
