/* This file waits for edges of an eventfd as a loop does: nobody reads it. */
#pragma once

#include <sys/epoll.h>
#include <unistd.h>

/* A set with this descriptor; the edges that there were before are gone. */
static inline int
bus_edges_open(int fd)
{
	struct epoll_event event = { .events = EPOLLIN | EPOLLET };
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) < 0)
		return -1;
	return epoll;
}

/* Whether there was an edge, -1 ms: wait for it. */
static inline bool
bus_edges_wait(int epoll, int timeout_ms)
{
	struct epoll_event event;

	return epoll_wait(epoll, &event, 1, timeout_ms) == 1;
}
