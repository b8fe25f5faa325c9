-- +goose Up
-- Whose orders these are is asked by address too: of people without a profile, and of what another shop calls its order.
create index orders_email on orders (email, placed_at);
create index orders_phone on orders (phone, placed_at) where phone <> '';
create index orders_ref on orders (external_ref) where external_ref is not null;
