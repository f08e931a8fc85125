/*
 * This file gives the carrier of the bus its histories: it connects a home with the
 * bus and the loop.
 */
#pragma once

struct sh_carrier;
struct sh_loop;

/** Let a carrier of sh_carrier_bus_open() keep histories, until it is closed. 0 or
 *  -SHOAL_ENOMEM. */
int sh_home_bus_open(struct sh_loop *loop, struct sh_carrier *carrier);
