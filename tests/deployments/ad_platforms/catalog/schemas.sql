-- The layers: as delivered, and curated.
CREATE SCHEMA bronze;
CREATE SCHEMA silver;
