"""OCPP 1.6 with its security extension, read up into the words of the station domain."""
