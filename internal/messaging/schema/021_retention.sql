-- +goose Up
-- Until when each market's words are looked through, so that a day's round looks at what has become too old since.
create table message_retention (
	market  text      primary key,
	through timestamp not null
);
