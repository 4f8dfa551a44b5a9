"""What the lab is made of: hosts.py says what there is, the rest makes it."""
