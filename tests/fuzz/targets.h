// SPDX-License-Identifier: Apache-2.0
// One function a fuzz target: what must hold whatever the input is. Says what does not hold. Each is a
// libFuzzer program of its own (<name>_fuzz), and all read their corpora in fuzz_corpus_test. README.md lists
// them.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace vigile {

using Fault = std::optional<std::string>;

Fault driver_fault(std::string_view input);
Fault http_request_fault(std::string_view input);
Fault line_decode_fault(std::string_view input);
Fault literal_fault(std::string_view input);
Fault log_file_fault(std::string_view input);
Fault lp_encode_fault(std::string_view input);
Fault modbus_fault(std::string_view input);
Fault mqtt_message_fault(std::string_view input);
Fault query_answer_fault(std::string_view input);
Fault settings_fault(std::string_view input);
Fault settings_layer_fault(std::string_view input);
Fault snmp_fault(std::string_view input);
Fault spoken_fault(std::string_view input);
Fault stored_bytes_fault(std::string_view input);
Fault write_answer_fault(std::string_view input);

}  // namespace vigile
