"""What an intent means: pure functions of plain data, with the time passed in."""
