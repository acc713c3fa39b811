// Package account holds the customers of an installation and the keys by
// which programs act for them.
package account

// Default is the account that a new installation starts with.
const Default = "acc_default"
