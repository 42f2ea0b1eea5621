"""The HTTP face: dialects over one set of use cases. `app.build_app` puts them together; `server` serves them."""
