// Package container runs the compose files with the image that "make packages"
// builds.
package container
