"""What runs at the owner's desk."""
