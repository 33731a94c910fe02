// As it is done in Go: a goroutine a datagram. Usage: go_echo PORT. Ends by a signal.
package main

import (
	"log"
	"net"
	"os"
	"strconv"
	"syscall"
)

const receiveBuffer = 4 << 20

func askBuffer(connection *net.UDPConn) {
	raw, err := connection.SyscallConn()
	if err != nil {
		log.Fatal(err)
	}
	err = raw.Control(func(fd uintptr) {
		for _, option := range []int{syscall.SO_RCVBUFFORCE, syscall.SO_RCVBUF} {
			if syscall.SetsockoptInt(int(fd), syscall.SOL_SOCKET, option, receiveBuffer) == nil {
				return
			}
		}
	})
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	if len(os.Args) != 2 {
		os.Exit(64)
	}
	port, err := strconv.Atoi(os.Args[1])
	if err != nil {
		log.Fatal(err)
	}
	connection, err := net.ListenUDP("udp4", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1), Port: port})
	if err != nil {
		log.Fatal(err)
	}
	askBuffer(connection)
	for {
		buffer := make([]byte, 2048)
		length, client, err := connection.ReadFromUDP(buffer)
		if err != nil {
			log.Fatal(err)
		}
		go func() {
			_, _ = connection.WriteToUDP(buffer[:length], client)
		}()
	}
}
