/* This file finds the processes that take part. */
#include "config.h"

#include "proc/bus.h"

#include "proc/bus_private.h"

enum { CONN_ID_BITS = 40 /* of the sequence, below the incarnation */ };

/* False: it has gone meanwhile, perhaps with another one in its place. */
static bool
look(const struct sh_bus *bus, uint32_t process, struct sh_bus_peer *peer_out)
{
	const struct sh_bus_block *block = sh_bus_block(bus, process);
	struct sh_bus_peer peer = { .process = process };

	peer.incarnation = atomic_load(&block->incarnation);
	peer.generation = atomic_load(&block->generation);
	peer.slot = atomic_load(&block->slot);
	peer.ready = atomic_load(&block->ready) != 0;
	if (peer.incarnation == 0 || !sh_bus_is_present(bus, process) ||
	    atomic_load(&block->incarnation) != peer.incarnation)
		return false;
	*peer_out = peer;
	return true;
}

size_t
sh_bus_peers(
    const struct sh_bus_self *self, struct sh_bus_peer *peers_out, size_t max)
{
	const struct sh_bus *bus = self->bus;
	uint32_t i = sh_bus_next_present(bus, 0, bus->count);
	size_t count = 0;

	for (; i < bus->count && count < max;
	     i = sh_bus_next_present(bus, i + 1, bus->count))
		count += look(bus, i, &peers_out[count]);
	return count;
}

size_t
sh_bus_peer_count(const struct sh_bus_self *self)
{
	const struct sh_bus *bus = self->bus;
	uint32_t i = sh_bus_next_present(bus, 0, bus->count);
	size_t count = 0;

	for (; i < bus->count; i = sh_bus_next_present(bus, i + 1, bus->count))
		count++;
	return count;
}

/* The one that serves, and of two such the newer one. */
static bool
is_better(const struct sh_bus_peer *a, const struct sh_bus_peer *b)
{
	return a->ready != b->ready ? a->ready
				    : a->incarnation > b->incarnation;
}

bool
sh_bus_find_slot(
    const struct sh_bus_self *self, uint32_t slot, struct sh_bus_peer *peer_out)
{
	const struct sh_bus *bus = self->bus;
	uint64_t generation = sh_bus_generation(bus);
	uint32_t i = sh_bus_next_present(bus, 0, bus->count);
	struct sh_bus_peer peer;
	bool found = false;

	/* while one replaces another both are there */
	for (; i < bus->count; i = sh_bus_next_present(bus, i + 1, bus->count))
		if (look(bus, i, &peer) && peer.slot == slot &&
		    peer.generation == generation &&
		    (!found || is_better(&peer, peer_out))) {
			*peer_out = peer;
			found = true;
		}
	return found;
}

bool
sh_bus_find_process(const struct sh_bus_self *self, uint64_t incarnation,
    struct sh_bus_peer *peer_out)
{
	const struct sh_bus *bus = self->bus;
	uint32_t i = sh_bus_next_present(bus, 0, bus->count);

	for (; i < bus->count; i = sh_bus_next_present(bus, i + 1, bus->count))
		if (look(bus, i, peer_out) &&
		    peer_out->incarnation == incarnation)
			return true;
	return false;
}

bool
sh_bus_find_connection(const struct sh_bus_self *self, uint64_t conn_id,
    struct sh_bus_peer *peer_out)
{
	const struct sh_bus *bus = self->bus;
	uint64_t wanted = conn_id >> CONN_ID_BITS;
	uint64_t mask = (UINT64_C(1) << (64 - CONN_ID_BITS)) - 1;
	uint32_t i = sh_bus_next_present(bus, 0, bus->count);

	for (; i < bus->count; i = sh_bus_next_present(bus, i + 1, bus->count))
		if (look(bus, i, peer_out) &&
		    (peer_out->incarnation & mask) == wanted)
			return true;
	return false;
}

uint32_t
sh_bus_slot_count(const struct sh_bus_self *self)
{
	return self->bus->slot_count;
}

uint64_t
sh_bus_current_generation(const struct sh_bus_self *self)
{
	return sh_bus_generation(self->bus);
}

struct sh_bus_peer
sh_bus_me(const struct sh_bus_self *self)
{
	return (struct sh_bus_peer){ .process = self->process,
		.incarnation = atomic_load(&self->block->incarnation),
		.generation = atomic_load(&self->block->generation),
		.slot = atomic_load(&self->block->slot),
		.ready = atomic_load(&self->block->ready) != 0 };
}
