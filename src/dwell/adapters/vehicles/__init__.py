"""Ways to vehicles: one file each, all of them `VehicleOrders`."""
