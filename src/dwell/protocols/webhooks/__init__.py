"""What leaves us signed: the signature that a receiver checks, and the bodies it is put on."""
