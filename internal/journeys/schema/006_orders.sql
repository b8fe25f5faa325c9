-- +goose Up
-- The page of an order shows what was decided about its parcels too; that of a customer what they said.
create index journey_runs_order on journey_runs (order_id) where order_id <> '';
create index journey_ratings_customer on journey_ratings (customer, at) where customer <> '';
