// Package crashtest holds tests that treat the real program badly: it is
// killed, its disk fills up, its database crashes, is damaged or taken away,
// and clients send slowly or nonsense.
//
// The test is the client. It writes down every answer that promised something
// and compares that with the database afterwards. All of its tests are soak
// tests: see package soak.
package crashtest
