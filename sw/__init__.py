"""Software: the application core's firmware and the owner's desk."""
