.DEFAULT_GOAL := help
.PHONY: help run test race check generate interop fuzz bench bench-messaging storm sim screens build

help: ## what can be made
	@grep -hE '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | expand -t 12

run: ## the demo merchant on http://127.0.0.1:8080
	go run ./cmd/portolan demo

build: ## one file, bin/portolan
	CGO_ENABLED=0 go build -trimpath -ldflags=-s -o bin/portolan ./cmd/portolan

test: ## every test, on both databases and in a browser
	scripts/test ./...

race: ## the tests that meet several goroutines, under the race detector
	scripts/test -race ./internal/db/... ./internal/jobs/... ./internal/events/... ./internal/fulfilment/... ./internal/payment/... ./internal/checkout/... ./internal/messaging/... ./internal/web/... ./internal/settings/...

interop: ## SMPP with Kannel and Net::SMPP, octet by octet
	scripts/interop

fuzz: ## ten seconds of each fuzz test of the message lines
	scripts/fuzz 10s ./internal/messaging/...

generate: ## styles, scripts and the API's code anew
	go run ./internal/web/ui/build
	go generate ./internal/api/...

check: ## format, vet, static analysis, generated files, both databases, race
	@test -z "$$(gofmt -l cmd internal scripts)" || { gofmt -l cmd internal scripts; echo 'run gofmt -w on these'; exit 1; }
	go vet ./...
	go tool staticcheck ./...
	go run ./internal/web/ui/build -check
	go generate ./internal/api/... && git diff --exit-code -- internal/api
	$(MAKE) test
	$(MAKE) race

bench: ## the figures of docs/performance.md
	scripts/bench

bench-messaging: ## texts from the HTTP request to the receipt, ours beside Kannel's
	scripts/bench -parts messages -on sqlite,sqlite-normal -c 1,4,16,64

storm: ## kill -9 in the middle of 200 checkouts and of 10,000 messages, on both databases
	scripts/storm

sim: ## a quarter of the sample merchant on a fast clock, every promise checked, and a day with 50 kills of both kinds
	go run ./cmd/portolan sim --days 92 --seed 7
	go run ./cmd/portolan sim --days 1 --seed 7 --restarts 0 --kills 50
	go run ./cmd/portolan sim --days 1 --seed 7 --kill9 50

screens: ## the screenshots in docs/screenshots anew
	scripts/screens
