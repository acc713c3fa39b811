// Package account holds the customers of an installation.
package account

// Default is the account that a new installation starts with.
const Default = "acc_default"
