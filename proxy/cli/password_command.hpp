// `sts-relay password`: the hash of a password, for the users file of a listener. Never shows the password, and takes
// none from the command line, where every process can read it.
#pragma once

namespace proxy {

/// Asks twice on a terminal without echo, or reads one line where there is none. Returns the exit code.
int run_password();

}  // namespace proxy
