"""Who can reach whom as a picture: what is in it, where it stands, and how it is written."""
