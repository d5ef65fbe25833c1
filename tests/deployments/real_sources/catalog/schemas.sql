-- The layers: as delivered, curated, and the marts of two departments.
CREATE SCHEMA bronze;
CREATE SCHEMA silver;
CREATE SCHEMA gold_marketing;
CREATE SCHEMA gold_operations;
