/* This file is <shoal/topic.h>: publishing, and subscribing connections. */
#include "config.h"

#include <shoal/topic.h>

#include "api/topics_now.h"
#include "io/await.h"
#include "io/loop.h"
#include "session/tcp.h"
#include "session/ws.h"
#include "topic/topics.h"

int
sh_topics_now(struct sh_topics **out)
{
	*out = sh_topics_current();
	if (*out != NULL)
		return 0;
	return sh_loop_current() != NULL ? -SHOAL_ENOMEM : -SHOAL_ESTATE;
}

int
shoal_publish(const char *topic, enum shoal_ws_type type, const void *data,
    size_t len, const struct shoal_publish_options *options)
{
	struct sh_topics *topics;
	int r = sh_topics_now(&topics);

	return r < 0
	    ? r
	    : sh_topics_publish(topics, topic, (int)type, data, len, options);
}

int
shoal_co_publish(const char *topic, enum shoal_ws_type type, const void *data,
    size_t len, const struct shoal_publish_options *options, int timeout_ms)
{
	struct sh_topics *topics;
	int r;

	(void)sh_await_self(__func__);
	r = sh_topics_now(&topics);
	return r < 0 ? r
		     : sh_topics_co_publish(topics, topic, (int)type, data, len,
			   options, sh_deadline_us(timeout_ms));
}

static int
subscribe(struct sh_conn *conn, const char *filter,
    const struct shoal_subscribe_options *options)
{
	struct sh_topics *topics;
	int r = sh_topics_now(&topics);

	return r < 0 ? r : sh_topics_subscribe(topics, conn, filter, options);
}

static int
unsubscribe(struct sh_conn *conn, const char *filter)
{
	struct sh_topics *topics;

	return sh_topics_now(&topics) == 0
	    ? sh_topics_unsubscribe(topics, conn, filter)
	    : -SHOAL_ENOENT;
}

int
shoal_ws_subscribe(struct shoal_ws *ws, const char *filter,
    const struct shoal_subscribe_options *options)
{
	return subscribe(sh_ws_conn(ws), filter, options);
}

int
shoal_ws_unsubscribe(struct shoal_ws *ws, const char *filter)
{
	return unsubscribe(sh_ws_conn(ws), filter);
}

int
shoal_conn_subscribe(struct shoal_conn *conn, const char *filter,
    const struct shoal_subscribe_options *options)
{
	return subscribe(sh_conn_of_public(conn), filter, options);
}

int
shoal_conn_unsubscribe(struct shoal_conn *conn, const char *filter)
{
	return unsubscribe(sh_conn_of_public(conn), filter);
}

int
shoal_co_topic_settle(int timeout_ms)
{
	struct sh_topics *topics;
	int r;

	(void)sh_await_self(__func__);
	r = sh_topics_now(&topics);
	return r < 0 ? r
		     : sh_topics_co_settle(topics, sh_deadline_us(timeout_ms));
}

uint64_t
shoal_topic_local_count(const char *topic)
{
	struct sh_topics *topics;

	return sh_topics_now(&topics) == 0
	    ? sh_topics_local_count(topics, topic)
	    : 0;
}
