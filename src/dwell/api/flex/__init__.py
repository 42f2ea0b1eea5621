"""The Flex dialect: sessions, vehicle policies, users' locations and vehicles, in camelCase, kWh and whole percents."""
