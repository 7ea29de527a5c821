"""Peripherals: serial lines, time, and what the chip tells of itself."""
