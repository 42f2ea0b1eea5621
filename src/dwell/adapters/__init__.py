"""The world behind the ports: storage, clock, names, prices, vehicles. Adapters do not know each other."""
