"""The world around the chip, and what runs the chip in it."""
