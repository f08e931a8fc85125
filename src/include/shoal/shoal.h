/*
 * shoal: a pre-fork server for TCP, HTTP and WebSocket.
 *
 * In reading order:
 *	server.h	listeners, handlers, the command line
 *	conn.h		a connection: receive, send, close
 *	route.h		paths of an HTTP listener
 *	request.h	what an HTTP client asks
 *	form.h		forms and files that are uploaded
 *	response.h	what it is answered
 *	ws.h		WebSockets: receive, send, close
 *	topic.h		messages to all who have subscribed
 *	service.h	a listening socket of one process, on and off
 *	framing.h	bytes into packets
 *	co.h		coroutines: functions that wait
 *	channel.h	queues between coroutines
 *	wait_group.h	wait for several of them
 *	mutex.h		one at a time
 *	semaphore.h	so many at a time
 *	wait.h		descriptors, children, signals
 *	thread.h	what would block, and other threads
 *	resolve.h	addresses of a host
 *	sock.h		their sockets: clients of other servers
 *	redis.h		Redis: commands, subscriptions, a pool
 *	timer.h		once, again and again
 *	worker.h	the process that a handler runs in
 *	listener.h	stop listeners and start them again
 *	counter.h	figures for the operator
 *	log.h		lines for the operator
 *	handler.h	code that the configuration file can name
 *	settings.h	the values it is given there
 *	module.h	handlers in a shared object
 *	pool.h		worker processes without a server
 *	error.h		what a negative result means
 */
#pragma once

#include <shoal/channel.h>
#include <shoal/co.h>
#include <shoal/conn.h>
#include <shoal/counter.h>
#include <shoal/error.h>
#include <shoal/form.h>
#include <shoal/framing.h>
#include <shoal/handler.h>
#include <shoal/listener.h>
#include <shoal/log.h>
#include <shoal/module.h>
#include <shoal/mutex.h>
#include <shoal/pool.h>
#include <shoal/redis.h>
#include <shoal/request.h>
#include <shoal/resolve.h>
#include <shoal/response.h>
#include <shoal/route.h>
#include <shoal/semaphore.h>
#include <shoal/server.h>
#include <shoal/service.h>
#include <shoal/settings.h>
#include <shoal/sock.h>
#include <shoal/thread.h>
#include <shoal/timer.h>
#include <shoal/topic.h>
#include <shoal/wait.h>
#include <shoal/wait_group.h>
#include <shoal/worker.h>
#include <shoal/ws.h>

#define SHOAL_VERSION_MAJOR 0
#define SHOAL_VERSION_MINOR 1
#define SHOAL_VERSION_PATCH 0
#define SHOAL_VERSION "0.1.0"

#ifdef __cplusplus
extern "C" {
#endif

/** Version of the library that runs, which may differ from SHOAL_VERSION. */
SHOAL_API const char *shoal_version(void);

#ifdef __cplusplus
}
#endif
