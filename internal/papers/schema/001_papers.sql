-- +goose Up
-- what customs are told about a product; the latest entry holds
create table paper_goods (
	product     text      not null,
	version     bigint    not null,
	body        text      not null,
	approved_by text      not null,
	approved_at timestamp not null,
	primary key (product, version)
);

-- what a shipment needs besides: numbers of the importer, licences, comments
create table paper_particulars (
	shipment   text      primary key,
	body       text      not null,
	changed_by text      not null,
	changed_at timestamp not null
);

-- one making of papers: the data that all of them were drawn from. Nothing of it ever changes but that it is voided.
create table paper_sets (
	shipment         text      not null,
	version          bigint    not null,
	shipment_version bigint    not null,
	mark             text      not null,
	snapshot         text      not null,
	rule_set         text      not null,
	made_by          text      not null,
	made_at          timestamp not null,
	voided_by        text      not null default '',
	void_reason      text      not null default '',
	voided_at        timestamp,
	primary key (shipment, version)
);

create table paper_documents (
	shipment text      not null,
	version  bigint    not null,
	kind     text      not null,
	sha256   text      not null,
	body     text      not null default '',
	made_by  text      not null,
	made_at  timestamp not null,
	prints   bigint    not null default 0,
	primary key (shipment, version, kind),
	foreign key (shipment, version) references paper_sets (shipment, version)
);

-- a named person's word that a warning may stand
create table paper_acceptances (
	id       text      primary key,
	shipment text      not null,
	mark     text      not null,
	code     text      not null,
	line     bigint    not null,
	said_by  text      not null,
	reason   text      not null,
	at       timestamp not null
);
create index paper_acceptances_shipment on paper_acceptances (shipment, at);
