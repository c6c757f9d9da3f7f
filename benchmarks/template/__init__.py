"""What projects of any size are grown from: a package that was written by hand, and its tests beside ours."""
