/* SPDX-License-Identifier: BSD-2-Clause */
/* budget: limits of control groups, and of the machine. */
#include "qmgr/budget.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "util/base/array.h"
#include "util/text/num.h"

#define GROUP_ROOT "/sys/fs/cgroup"
#define PATH_MAX_BYTES 4096
#define NUMBER_MAX_BYTES 64

/* Reads the beginning of a small file; what is not there is empty. */
static struct str
read_file(const char *path, char *bytes, size_t cap)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = -1;

	if (fd < 0)
		return (struct str){ NULL, 0 };
	n = read(fd, bytes, cap);
	(void)close(fd);
	return n < 0 ? (struct str){ NULL, 0 }
	             : (struct str){ bytes, (size_t)n };
}

/* A number; "max", and what is none, is no limit. */
static uint64_t
read_limit(const char *root, struct str group, const char *name)
{
	char path[PATH_MAX_BYTES];
	char bytes[NUMBER_MAX_BYTES];
	uint64_t limit;
	int n = snprintf(
	    path, sizeof(path), "%s%.*s/%s", root, STR_ARG(group), name);

	if (n < 0 || (size_t)n >= sizeof(path))
		return UINT64_MAX;
	if (num_u64(str_trim(read_file(path, bytes, sizeof(bytes))), UINT64_MAX,
	        &limit) != ERR_OK)
		return UINT64_MAX;
	return limit;
}

/* The group of the line "0::/a/b"; false: there is none. */
static bool
find_group(struct str text, struct str *group)
{
	while (text.len > 0) {
		struct str line = str_take_field(&text, '\n');

		if (!str_starts(line, STR("0::/")))
			continue;
		*group = str_tail(line, sizeof("0::") - 1);
		return true;
	}
	return false;
}

uint64_t
budget_of_group(const char *root, struct str text)
{
	static const char *const names[] = { "memory.max", "memory.high" };
	uint64_t least = UINT64_MAX;
	struct str group;

	if (!find_group(text, &group))
		return least;
	for (;;) {
		for (size_t i = 0; i < COUNT_OF(names); i++) {
			uint64_t limit = read_limit(root, group, names[i]);

			if (limit < least)
				least = limit;
		}
		if (group.len == 0)
			return least;
		/* "/a/b", "/a", "". */
		while (group.ptr[--group.len] != '/')
			continue;
	}
}

uint64_t
budget_memory_bytes(void)
{
	char bytes[PATH_MAX_BYTES];
	uint64_t pages = (uint64_t)sysconf(_SC_PHYS_PAGES);
	uint64_t machine = pages * (uint64_t)sysconf(_SC_PAGESIZE);
	uint64_t group = budget_of_group(
	    GROUP_ROOT, read_file("/proc/self/cgroup", bytes, sizeof(bytes)));

	return group < machine ? group : machine;
}
