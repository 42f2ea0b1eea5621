"""The Fleet dialect: the charging sessions at an organization's stations, and the stations, for fleets of drivers."""
