#[test]
fn documented_defaults_are_the_defaults() {
    let documented: String = <super::Register as kernel::Xep>::OPTIONS
        .iter()
        .map(|option| format!("{} = {}\n", option.name, option.default))
        .collect();
    let config: super::Config = toml::from_str(&documented).unwrap();
    let default = super::Config::default();
    assert_eq!(
        (config.open, config.per_address_per_hour, config.instructions),
        (default.open, default.per_address_per_hour, default.instructions)
    );
}
