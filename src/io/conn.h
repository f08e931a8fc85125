/*
 * This file is an accepted stream socket and what was sent to it; it does not
 * know a protocol. See <shoal/conn.h> for the promises.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <shoal/conn.h>

struct iovec;
struct sh_addr;
struct sh_conn;
struct sh_group;
struct sh_loop;
struct sh_piece;
struct sh_queue;
struct sh_send_limits;

/* What a session does with a connection. None is called while another one of
 * the same connection runs. */
struct sh_conn_ops {
	/* Accepted. */
	void (*connected)(struct sh_conn *conn);
	/* Bytes have come; borrowed until the return. They may be written over,
	 * and so may the byte behind them. */
	void (*received)(struct sh_conn *conn, const void *data, size_t len);
	/* Room again after a refused send, or nothing queued any more and the
	 * kernel takes more, see sh_conn_await_flush(). */
	void (*writable)(struct sh_conn *conn);
	/* Going on after a stall or pause, and sh_conn_keep() was said; comes
	 * before received(). Perhaps still paused. */
	void (*resumed)(struct sh_conn *conn);
	/* It is held, and something has happened that would have ended it, or
	 * soon will; sh_conn_why() tells. May come often, and from within
	 * the session's own calls: wakes those who wait, does nothing else. */
	void (*changed)(struct sh_conn *conn);
	/* The last call. */
	void (*closed)(
	    struct sh_conn *conn, enum shoal_close_cause cause, int error);
	/* Whether silence may end it now, see idle_timeout_ms in group.h; NULL:
	 * always. */
	bool (*is_idle)(const struct sh_conn *conn);
};

/** Serve an accepted socket as a member of group. Takes fd, also when it
 *  fails. peer is borrowed. 0 or -SHOAL_ENOMEM; ops->connected has been
 *  called when it is 0, and the connection may be gone again. */
int sh_conn_open(struct sh_group *group, int fd, const struct sh_addr *peer);
/** An object of a public pointer is one of ours: assert it. */
void sh_conn_check(const struct sh_conn *conn);

/** See shoal_conn_send(). */
int sh_conn_send(struct sh_conn *conn, const void *data, size_t len);
/** See shoal_conn_sendv(). */
int sh_conn_sendv(struct sh_conn *conn, const struct iovec *parts, int count);
/** Likewise, above the high-water mark too: for the end of what has begun, and
 *  what a peer has to be told. */
int sh_conn_sendv_anyway(
    struct sh_conn *conn, const struct iovec *parts, int count);
/** See shoal_conn_is_full(). */
bool sh_conn_is_full(struct sh_conn *conn);
/** See shoal_conn_flush(). */
int sh_conn_flush(struct sh_conn *conn);
/** Send bytes of a file, behind what is queued: as many as the kernel takes,
 *  and those that others leave to it in this turn. *offset and *left move on. 0
 *  when none is left; -SHOAL_EAGAIN, then writable() comes; -SHOAL_ETRUNCATED
 *  when the file ends before; -SHOAL_ENOTCONN; -errno when the connection has
 *  failed, also by a file that could not be read. */
int sh_conn_sendfile(struct sh_conn *conn, int fd, off_t *offset, size_t *left);
/* --- what goes to many: conn_shared.c --- */

/** Send messages if nothing is in their way: the bytes that the kernel took, 0 also
 *  when it has ended. Calls no handler. */
size_t sh_conn_send_at_once(struct sh_conn *conn, const struct sh_piece *piece);
/** Queue a reference to what that has left of them, above the high-water mark too.
 *  Calls no handler. 0; -SHOAL_ENOTCONN; -SHOAL_ENOMEM, while it is served only. */
int sh_conn_queue_shared(
    struct sh_conn *conn, const struct sh_piece *piece, size_t sent);
/** Whether messages of so many bytes need not be judged one by one: all of them are
 *  below the high-water mark. */
bool sh_conn_fits(const struct sh_conn *conn, size_t len);
/** Whether it is below its high-water mark, with so many bytes more that wait
 *  elsewhere, and the worker can afford it; may write what is queued. */
bool sh_conn_has_room(struct sh_conn *conn, size_t more);
/** What a peer that does not read may cost; the first is io/send_limits.h's. */
const struct sh_send_limits *sh_conn_send_limits(const struct sh_conn *conn);
/** Set it, by number. */
void sh_conn_set_send_limits(struct sh_conn *conn, int number);
/** Whether its queue takes more memory than the worker can afford. */
bool sh_conn_is_dear(const struct sh_conn *conn);
/** It was found full: who follows is told when it has fallen to its low mark. */
void sh_conn_note_full(struct sh_conn *conn);
/** Whether that was not yet so. */
bool sh_conn_was_full(const struct sh_conn *conn);
/** It was found full: until it has fallen to its low mark, let one message of each
 *  key wait, and of this one none. The number of those dropped. */
uint64_t sh_conn_conflate(struct sh_conn *conn, uint64_t key);
/** Whether that is so. */
bool sh_conn_is_conflated(const struct sh_conn *conn);
/** See sh_queue_drop_oldest() and the like; the number of messages. */
uint64_t sh_conn_drop_oldest(struct sh_conn *conn);
uint64_t sh_conn_drop_end(struct sh_conn *conn);
/** Count messages that were not sent. */
void sh_conn_count_dropped(struct sh_conn *conn, uint64_t messages);
/** Count one that is closed for it does not read. */
void sh_conn_count_slow(struct sh_conn *conn);
/** Queue what another queue has, which is empty then. */
void sh_conn_take_queue(struct sh_conn *conn, struct sh_queue *from);

/* Who wants to know of connections, beside their sessions. */
struct sh_conn_hooks {
	/* It ends, its session is told just now. */
	void (*ended)(struct sh_conn *conn);
	/* It was full, and has fallen to its low-water mark. */
	void (*drained)(struct sh_conn *conn);
};

/** Set them for a loop; lent. NULL: none. */
void
sh_loop_set_conn_hooks(struct sh_loop *loop, const struct sh_conn_hooks *hooks);
/** Tell them of this one, or no longer. */
void sh_conn_follow(struct sh_conn *conn, bool yes);

/* --- ending --- */

/** See shoal_conn_shutdown(). */
int sh_conn_end_sending(struct sh_conn *conn);
/** See shoal_conn_close(). */
int sh_conn_close(struct sh_conn *conn);
/** See shoal_conn_abort(). */
int sh_conn_abort(struct sh_conn *conn);
/** See shoal_conn_pause(). */
void sh_conn_pause(struct sh_conn *conn);
/** See shoal_conn_resume(). */
void sh_conn_resume(struct sh_conn *conn);
/** See shoal_conn_is_paused(). */
bool sh_conn_is_paused(const struct sh_conn *conn);
/** Stop reading, whatever the handler wants; as sh_conn_pause() otherwise. */
void sh_conn_stall(struct sh_conn *conn);
/** Read again. */
void sh_conn_unstall(struct sh_conn *conn);
/** Whether the session has input that it could not hand on: it is not done
 *  before. */
void sh_conn_keep(struct sh_conn *conn, bool kept);
/** A handler is in a wait: the connection, whatever happens to it, goes no
 *  further than ENDING before sh_conn_release_hold(). */
void sh_conn_hold(struct sh_conn *conn);
/** End a hold; the connection may end in this turn. */
void sh_conn_release_hold(struct sh_conn *conn);
/** Whether it is held. */
bool sh_conn_is_held(const struct sh_conn *conn);
/** Whether input may be handed on: open, neither paused nor stalled. */
bool sh_conn_is_receiving(const struct sh_conn *conn);
/** Ask for writable() once all is with the kernel. */
void sh_conn_await_flush(struct sh_conn *conn);
/** 0 while it is open. Then what a call of the session should return:
 *  -SHOAL_ECANCELED when it was closed here, or the reason of its failure. */
int sh_conn_why(const struct sh_conn *conn);
/** Whether it is past its end, and nothing will be sent any more: it has failed,
 *  or was aborted or shut down. */
bool sh_conn_is_cut(const struct sh_conn *conn);
/** When bytes came from it or went to the kernel last, of sh_loop_now_ms(). */
int64_t sh_conn_active_ms(const struct sh_conn *conn);
/** Look whether the peer has reset it, which a session that does not read would
 *  not learn: fails it then, whatever has come before. A system call. */
void sh_conn_probe(struct sh_conn *conn);
/** Whether the peer has ended its side, and all it sent was read. */
bool sh_conn_is_eof(const struct sh_conn *conn);
/** Whether it is to end as soon as what had come is handled, and that has been
 *  read. */
bool sh_conn_is_drained(const struct sh_conn *conn);
/** Whether it is to end as soon as what had come is handled, read or not. */
bool sh_conn_is_draining(const struct sh_conn *conn);
/** End it in failure, with SHOAL_CLOSE_ERROR and an error. */
void sh_conn_fail_with(struct sh_conn *conn, int error);
/** A pointer of the session. */
void sh_conn_set_session(struct sh_conn *conn, void *session);
/** That pointer, NULL before. */
void *sh_conn_session(const struct sh_conn *conn);
/** What the session does with it: its group's. */
const struct sh_conn_ops *sh_conn_ops(const struct sh_conn *conn);

/** See shoal_conn_queued(). */
size_t sh_conn_queued(const struct sh_conn *conn);

/** End it in good order with cause SHUTDOWN: input that has arrived by now is
 *  still handed to the session, what is queued is sent, the peer has linger_ms
 *  to end its side. */
void sh_conn_drain(struct sh_conn *conn, int64_t linger_ms);
/** End it now with cause SHUTDOWN; the kernel gets what it takes. */
void sh_conn_shutdown(struct sh_conn *conn);

/** Its number, never 0. */
uint64_t sh_conn_id(const struct sh_conn *conn);
/** The connection of a number that has not ended, or NULL. */
struct sh_conn *sh_conn_find(struct sh_loop *loop, uint64_t id);
/** Its descriptor. */
int sh_conn_fd(const struct sh_conn *conn);
/** The group that it was opened in. */
struct sh_group *sh_conn_group(const struct sh_conn *conn);
/** Address of the peer, as it was at accept(2). */
void sh_conn_peer(const struct sh_conn *conn, struct sh_addr *addr_out);
/** A pointer of the handler. */
void sh_conn_set_data(struct sh_conn *conn, void *data);
/** That pointer, NULL before. */
void *sh_conn_data(const struct sh_conn *conn);
