-- +goose Up
-- Words that are written anew are taken in by journeys published from then on; others correct the version before them for
-- everybody who is sent it. What was published until now counted for everybody.
alter table message_texts add column anew boolean not null default false;
