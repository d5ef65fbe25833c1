-- The layers: as delivered, curated, and the marketing marts.
CREATE SCHEMA bronze;
CREATE SCHEMA silver;
CREATE SCHEMA gold_marketing;
