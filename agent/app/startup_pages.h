// SPDX-License-Identifier: Apache-2.0
#pragma once

namespace vigile {

// Lets go of the pages of code and constants that have been used so far, of the program and its libraries:
// what only a start or a reload needs does not stay resident. What is used again comes back from the page
// cache, where it stays while there is room. Any thread.
void release_startup_pages();

}  // namespace vigile
