-- +goose Up
-- Versions of the texts that a version's messages took in, as JSON by text: {"cart.de": 3, "cart.de.mail": 1}. A text that
-- isn't named was the program's own; what was published of it until now corrects that for everybody.
alter table journey_versions add column texts text not null default '{}';
