"""Virtual vehicles on a virtual clock, living real visits through the same use cases as the product."""
