#include "daemon/privileges.h"

#include <errno.h>
#include <grp.h>
#include <linux/capability.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct __user_cap_header_struct header = { _LINUX_CAPABILITY_VERSION_3, 0 };

static bool is_user(const struct config_user *user)
{
	uid_t real, effective, saved;
	gid_t real_group, effective_group, saved_group;

	return getresuid(&real, &effective, &saved) == 0 &&
	       getresgid(&real_group, &effective_group, &saved_group) == 0 && real == user->uid &&
	       effective == user->uid && saved == user->uid && real_group == user->gid &&
	       effective_group == user->gid && saved_group == user->gid;
}

bool privileges_allow(const struct config_user *user)
{
	return user->name == NULL || geteuid() == 0 || is_user(user);
}

static int change_user(const struct config_user *user)
{
	if (is_user(user))
		return 0;
	if (initgroups(user->name, user->gid) < 0 ||
		setresgid(user->gid, user->gid, user->gid) < 0 ||
		setresuid(user->uid, user->uid, user->uid) < 0)
		return -errno;
	return 0;
}

static bool has_capabilities(void)
{
	struct __user_cap_data_struct sets[_LINUX_CAPABILITY_U32S_3];
	__u32 any = 0;

	if (syscall(SYS_capget, &header, sets) < 0)
		return true;
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++)
		any |= sets[i].effective | sets[i].permitted | sets[i].inheritable;
	return any != 0;
}

/* The change of user clears them, unless the process was told to keep them or had some as another user. */
static int clear_capabilities(void)
{
	const struct __user_cap_data_struct none[_LINUX_CAPABILITY_U32S_3] = { { 0 } };

	if (!has_capabilities())
		return 0;
	return syscall(SYS_capset, &header, none) < 0 ? -errno : 0;
}

static bool has_way_back(const struct config_user *user)
{
	return !is_user(user) || has_capabilities() || seteuid(0) == 0 ||
	       (user->gid != 0 && setegid(0) == 0);
}

int privileges_drop(const struct config_user *user)
{
	int error;

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0)
		return -errno;
	if (user->name == NULL)
		return 0;
	if (user->uid == 0)
		return geteuid() == 0 ? 0 : -EPERM;
	error = change_user(user);
	if (error == 0)
		error = clear_capabilities();
	if (error < 0)
		return error;
	return has_way_back(user) ? -ENOTRECOVERABLE : 0;
}
