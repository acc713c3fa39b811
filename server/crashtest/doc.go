// Package crashtest holds tests that mistreat the real program: it is killed,
// its disk fills up, its database crashes, is damaged or disappears, and
// clients send slowly or send nonsense.
//
// The test is the client. It records every answer that promised something and
// compares that with the database afterwards. All of its tests are soak tests:
// see package soak.
package crashtest
