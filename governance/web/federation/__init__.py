"""Sign-in by an OpenID provider: who it is, what is believed of what it says, and what that opens here."""
