"""The HTTP face: dialects over one set of use cases. `app.Application` puts them together; `server` serves them."""
