-- +goose Up
-- Every link of a message by its own code. The code follows from the message's token, which stays unknown to who has
-- only the code.
create table message_links (
	code    text   primary key,
	message text   not null,
	name    text   not null,
	target  text   not null, -- empty once the words of the message are gone
	clicks  bigint not null, -- of people
	robots  bigint not null,
	unique (message, name)
);
