-- The layers: as delivered, curated, and the marts of two departments.
CREATE SCHEMA bronze;
CREATE SCHEMA silver;
CREATE SCHEMA gold_finance;
CREATE SCHEMA gold_operations;
