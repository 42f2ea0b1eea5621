"""OCPP 2.0.1: the version whose words the station domain has made its own."""
