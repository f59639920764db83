// The PolicyService that the relay asks: what domains publish, with the administrator's word above it.
//
//   pin        of a [[destination]]: instead of all that is published
//   enabled    false: nothing that is published counts; pins do
//   preload    where the domain has no policy of its own, or its record cannot be looked up
//
// It stores nothing; what it looks at is the configuration in force.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "proxy/config/config.hpp"
#include "proxy/sts/policy_service.hpp"

namespace proxy {

class OverriddenPolicies final : public PolicyService {
 public:
  using Configuration = std::function<std::shared_ptr<const Config>()>;

  /// `published` must outlive it; any thread may ask.
  OverriddenPolicies(PolicyService& published, Configuration configuration)
      : published_(published), configuration_(std::move(configuration)) {}

  boost::asio::awaitable<std::shared_ptr<const policy::StsFacts>> ask(std::string domain) override;
  boost::asio::awaitable<std::shared_ptr<const policy::StsFacts>> ask_before_deferral(std::string domain) override;

 private:
  PolicyService& published_;
  const Configuration configuration_;
};

}  // namespace proxy
