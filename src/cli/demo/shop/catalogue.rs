//! What the shop sells.
//!
//! In: the bundled list of products. Out: products by number, kind and words. It knows neither pages nor visitors.

use minijinja::Value;
use serde::{Deserialize, Serialize};

/// One product. Prices are in euro cents.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Product {
    pub sku: String,
    pub name: String,
    pub kind: String,
    pub line: String,
    pub description: String,
    pub facts: Vec<String>,
    pub price: u32,
    pub stock: u32,
    pub picture: String,
    pub featured: bool,
}

/// One piece of the sample room: there is no other like it.
#[derive(Clone, Debug, Serialize)]
pub struct Sample {
    /// Its product's number, and its own.
    pub sku: String,
    pub product: String,
    pub name: String,
    pub size: &'static str,
    pub colour: &'static str,
    pub picture: String,
    pub price: u32,
}

/// Pieces in the sample room.
const SAMPLES: usize = 100;
const COLOURS: [&str; 7] = ["ochre", "petrol", "fog", "coral", "moss", "slate", "chalk"];
const SIZES: [&str; 4] = ["S", "M", "L", "XL"];

/// All products, in the order in which they are shown.
#[derive(Debug)]
pub struct Catalogue {
    products: Vec<Product>,
}

/// How many products stand below one product's page.
const BESIDE: usize = 3;

impl Catalogue {
    /// The bundled list.
    pub fn bundled() -> Self {
        let products = serde_json::from_str(include_str!("../assets/shop/products.json"))
            .expect("invariant: the bundled list is well-formed, a test reads it");
        Self { products }
    }

    /// The product of this number, in any case of letters.
    pub fn find(&self, sku: &str) -> Option<&Product> {
        self.products.iter().find(|product| product.sku.eq_ignore_ascii_case(sku))
    }

    /// The products of the home page.
    pub fn featured(&self) -> Vec<&Product> {
        self.products.iter().filter(|product| product.featured).collect()
    }

    /// The products of one kind, or all.
    pub fn of_kind(&self, kind: Option<&str>) -> Vec<&Product> {
        self.products.iter().filter(|product| kind.is_none_or(|kind| product.kind == kind)).collect()
    }

    /// The sample room, at two thirds of the price.
    pub fn samples(&self) -> Vec<Sample> {
        let sample = |number: usize| {
            let product = &self.products[number % self.products.len()];
            Sample {
                sku: format!("{}-{number:02}", product.sku),
                product: product.sku.clone(),
                name: product.name.clone(),
                size: SIZES[number % SIZES.len()],
                colour: COLOURS[number % COLOURS.len()],
                picture: product.picture.clone(),
                price: product.price * 2 / 3 / 100 * 100,
            }
        };
        (0..SAMPLES).map(sample).collect()
    }

    /// How many there are of a number; of samples a few, by their number.
    pub fn stock(&self, sku: &str) -> u32 {
        match (self.find(sku), sku.rsplit_once('-')) {
            (Some(product), _) => product.stock,
            (None, Some((_, number))) => number.parse().map_or(0, |number: u32| number * 7 % 11),
            (None, None) => 0,
        }
    }

    /// The kinds that there are, each once, in order.
    pub fn kinds(&self) -> Vec<&str> {
        let mut kinds: Vec<&str> = Vec::new();
        for product in &self.products {
            if !kinds.contains(&product.kind.as_str()) {
                kinds.push(&product.kind);
            }
        }
        kinds
    }

    /// The products in whose name, kind or line every one of the words occurs; none for no words.
    pub fn search(&self, words: &str) -> Vec<&Product> {
        let words: Vec<String> = words.split_whitespace().map(str::to_lowercase).collect();
        let matches = |product: &&Product| {
            let text = format!("{} {} {}", product.name, product.kind, product.line).to_lowercase();
            !words.is_empty() && words.iter().all(|word| text.contains(word.as_str()))
        };
        self.products.iter().filter(matches).collect()
    }

    /// What stands below a product: those that follow it, from the start again after the last.
    pub fn beside(&self, product: &Product) -> Vec<&Product> {
        let at = self.products.iter().position(|other| other.sku == product.sku).map_or(0, |at| at + 1);
        self.products.iter().cycle().skip(at).take(BESIDE).collect()
    }
}

/// The template filter `price`: cents as people write euros, `189` or `12.50`.
pub fn price(cents: u32) -> String {
    match cents % 100 {
        0 => (cents / 100).to_string(),
        rest => format!("{}.{rest:02}", cents / 100),
    }
}

/// The template filter `amount`: cents as machines read euros, `189.00`.
pub fn amount(cents: u32) -> Value {
    Value::from(format!("{}.{:02}", cents / 100, cents % 100))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_bundled_list_has_unique_numbers() {
        let catalogue = Catalogue::bundled();
        let mut numbers: Vec<&str> = catalogue.products.iter().map(|p| p.sku.as_str()).collect();
        numbers.sort_unstable();
        numbers.dedup();
        assert_eq!(numbers.len(), catalogue.products.len());
    }

    #[test]
    fn search_wants_every_word() {
        let catalogue = Catalogue::bundled();
        assert!(!catalogue.search("rain").is_empty());
        assert!(catalogue.search("rain zebra").is_empty());
        assert!(catalogue.search("  ").is_empty());
    }

    #[test]
    fn prices_are_written_for_people_and_for_machines() {
        assert_eq!(price(18_900), "189");
        assert_eq!(price(1_250), "12.50");
        assert_eq!(amount(1_205).to_string(), "12.05");
    }
}
