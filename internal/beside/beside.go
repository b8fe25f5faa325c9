// Package beside takes in what another shop tells us, so that everything after "order paid" happens here the same
// as for orders of our own: orders, payments, cancellations, and shoppers who left.
//
// How it is told (by API or by webhook) is the faces' business. The other shop keeps its own prices and stock:
// nothing is priced or taken out of stock here.
package beside

import (
	"portolan/internal/catalog"
	"portolan/internal/checkout"
	"portolan/internal/customer"
	"portolan/internal/market"
	"portolan/internal/order"
)

// Service takes in what other shops tell.
type Service struct {
	markets   *market.Service
	catalog   *catalog.Service
	customers *customer.Service
	orders    *order.Service
	checkout  *checkout.Service
}

// New returns the service.
func New(markets *market.Service, products *catalog.Service, customers *customer.Service, orders *order.Service, carts *checkout.Service) *Service {
	return &Service{markets, products, customers, orders, carts}
}
